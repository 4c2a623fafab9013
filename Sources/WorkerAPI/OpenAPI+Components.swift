extension OpenAPI {
    /// What the paths have in common.
    static let components = #"""
        {
         "securitySchemes": {
          "token": {"type": "http", "scheme": "bearer", "description": "Over TCP. Over the Unix socket the kernel tells who asks."},
          "signature": {
           "type": "apiKey", "in": "header", "name": "Signature",
           "description": "Over TCP, in place of a token: a signature by RFC 9421 with hmac-sha256, with a Signature-Input that has created, keyid and nonce, and a Content-Digest where there is a body."
          },
          "certificate": {"type": "mutualTLS", "description": "Over TCP with TLS, where tls_client_ca is set: each client needs a certificate."}
         },
         "headers": {"ETag": {"description": "The revision of the state.", "schema": {"type": "string"}}},
         "responses": {
          "Changed": {
           "description": "It is done; or the plan of it, for a dry run.",
           "content": {
            "application/json": {"schema": {"anyOf": [{"$ref": "#/components/schemas/LoadBalancer"}, {"$ref": "#/components/schemas/Plan"}]}}
           },
           "headers": {"ETag": {"$ref": "#/components/headers/ETag"}}
          },
          "Planned": {
           "description": "The plan of it, for a dry run.", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Plan"}}}
          },
          "VirtualIP": {
           "description": "The virtual IP; or the plan of a dry run.", "content": {"application/json": {"schema": {"type": "object"}}},
           "headers": {"ETag": {"$ref": "#/components/headers/ETag"}}
          },
          "VirtualIPs": {
           "description": "The virtual IPs.", "headers": {"ETag": {"$ref": "#/components/headers/ETag"}},
           "content": {"application/json": {"schema": {"type": "object", "required": ["ips"]}}}
          },
          "VirtualIPRefused": {
           "description": "It is refused, in the words of LINK, or as a problem.",
           "content": {
            "application/json": {"schema": {"type": "object", "required": ["error"]}},
            "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
           }
          },
          "NoVirtualIP": {
           "description": "There is none, in the words of LINK.",
           "content": {"application/json": {"schema": {"type": "object", "required": ["resource", "error"]}}}
          },
          "Problem": {
           "description": "A problem (RFC 9457).",
           "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
          }
         },
         "parameters": {
          "ID": {
           "name": "id",
           "in": "path",
           "required": true,
           "description": "The id of a load balancer.",
           "schema": {"type": "string", "minLength": 1}
          },
          "VirtualIPID": {"name": "id", "in": "path", "required": true, "schema": {"type": "string", "minLength": 1}},
          "Node": {
           "name": "node",
           "in": "path",
           "required": true,
           "description": "The id of a node.",
           "schema": {"type": "string", "minLength": 1}
          },
          "DryRun": {
           "name": "dry_run",
           "in": "query",
           "description": "Tells what would be done; a viewer may ask for it.",
           "schema": {"type": "boolean"}
          },
          "Force": {"name": "force", "in": "query", "description": "What it has is ended at once.", "schema": {"type": "boolean"}},
          "After": {"name": "after", "in": "query", "schema": {"type": "integer", "minimum": 0, "maximum": 9223372036854775807, "default": 0}},
          "Limit": {"name": "limit", "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": 1000, "default": 100}},
          "IfMatch": {"name": "If-Match", "in": "header", "description": "ETags, or *.", "schema": {"type": "string"}},
          "IfNoneMatch": {"name": "If-None-Match", "in": "header", "description": "ETags; of a PUT it is *.", "schema": {"type": "string"}},
          "IdempotencyKey": {"name": "Idempotency-Key", "in": "header", "schema": {"type": "string", "minLength": 1, "maxLength": 255}}
         },
         "schemas": {
          "Problem": {
           "type": "object",
           "required": ["title", "status", "detail"],
           "properties": {
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"},
            "code": {"enum": ["invalid", "not_found", "conflict", "precondition", "unsupported", "busy", "appliance", "store", "expired"]},
            "pointer": {"type": "string", "description": "RFC 6901: the field of the body that is at fault."}
           }
          },
          "Health": {"type": "object", "required": ["status"], "properties": {"status": {"const": "OK"}}},
          "Readiness": {
           "type": "object",
           "required": ["ready", "reasons"],
           "properties": {"ready": {"type": "boolean"}, "reasons": {"type": "array", "items": {"type": "string"}}}
          },
          "Traffic": {
           "type": "object",
           "required": ["traffic"],
           "properties": {
            "traffic": {
             "type": "array",
             "items": {
              "type": "object",
              "required": ["id", "sent"],
              "properties": {"id": {"type": "string"}, "sent": {"type": "integer", "minimum": 0, "description": "Bytes."}}
             }
            }
           }
          },
          "Status": {
           "type": "object",
           "required": ["version", "driver", "function", "started", "job_servers", "revision", "load_balancers", "last_change"],
           "properties": {
            "version": {"type": "string"},
            "driver": {"type": "string"},
            "function": {"type": "string"},
            "started": {"type": "string", "format": "date-time"},
            "job_servers": {
             "type": "array",
             "items": {
              "type": "object",
              "required": ["server", "connected"],
              "properties": {"server": {"type": "string"}, "connected": {"type": "boolean"}}
             }
            },
            "revision": {"type": "integer", "minimum": 0},
            "load_balancers": {"type": "integer", "minimum": 0},
            "last_change": {"anyOf": [{"$ref": "#/components/schemas/JournalEntry"}, {"type": "null"}]},
            "principal": {"type": "string"},
            "role": {"enum": ["viewer", "operator", "admin"]}
           }
          },
          "LoadBalancers": {
           "type": "object",
           "required": ["revision", "loadBalancers"],
           "properties": {
            "revision": {"type": "integer", "minimum": 0},
            "loadBalancers": {"type": "array", "items": {"$ref": "#/components/schemas/LoadBalancer"}}
           }
          },
          "LoadBalancer": {
           "type": "object",
           "description": "A load balancer as a job has it, and how it is.",
           "required": ["id", "protocol", "nodes", "status", "source", "created"],
           "properties": {
            "id": {"type": "string"},
            "protocol": {"type": "string"},
            "address": {"type": "string"},
            "port": {"type": "integer", "minimum": 1, "maximum": 65535},
            "nodes": {"type": "array", "items": {"$ref": "#/components/schemas/NodeState"}},
            "status": {"enum": ["UP", "DOWN", "SUSPENDED", "OUT_OF_SERVICE"]},
            "source": {"enum": ["jobs", "file", "kubernetes", "keepalived"]},
            "created": {"type": "string", "format": "date-time"}
           }
          },
          "NodeState": {
           "type": "object",
           "required": ["id", "address", "port", "weight", "condition"],
           "properties": {
            "id": {"type": "string"},
            "address": {"type": "string"},
            "port": {"type": "integer", "minimum": 1, "maximum": 65535},
            "weight": {"type": "integer", "minimum": 0, "maximum": 256},
            "condition": {"$ref": "#/components/schemas/Condition"},
            "weight_now": {"type": "integer", "minimum": 0, "maximum": 256},
            "connections": {"type": "integer", "minimum": 0},
            "status": {"enum": ["UP", "DOWN"]},
            "state": {"enum": ["UP", "DOWN", "DRAINING", "DISABLED", "SUSPENDED"]},
            "reason": {"type": "string"},
            "since": {"type": "string", "format": "date-time"}
           }
          },
          "Condition": {"enum": ["ENABLED", "DISABLED", "DRAINING"]},
          "WantedLoadBalancer": {
           "type": "object",
           "description": "A load balancer as a job has it; docs/jobs.md has all fields and which driver can do what.",
           "required": ["protocol", "nodes"],
           "properties": {
            "id": {"type": "string", "description": "That of the path."},
            "name": {"type": "string"},
            "protocol": {"enum": ["HTTP", "TCP", "GALERA", "HTTPS", "UDP", "SCTP"]},
            "address": {"type": "string"},
            "port": {"type": "integer", "minimum": 1, "maximum": 65535},
            "algorithm": {"enum": ["ROUND_ROBIN", "LEAST_CONNECTIONS", "SOURCE_IP", "MAGLEV", "SHORTEST_EXPECTED_DELAY", "NEVER_QUEUE"]},
            "nodes": {"type": "array", "items": {"allOf": [{"$ref": "#/components/schemas/WantedNode"}, {"required": ["id"]}]}}
           }
          },
          "WantedNode": {
           "type": "object",
           "required": ["address", "port"],
           "properties": {
            "id": {"type": "string", "description": "That of the path."},
            "address": {"type": "string", "description": "An IPv4 or IPv6 address, or a host name."},
            "port": {"type": "integer", "minimum": 1, "maximum": 65535},
            "weight": {"type": "integer", "minimum": 0, "maximum": 256, "default": 1},
            "backup": {"type": "boolean", "default": false},
            "condition": {"$ref": "#/components/schemas/Condition", "default": "ENABLED"}
           }
          },
          "NodePatch": {
           "type": "object",
           "minProperties": 1,
           "additionalProperties": false,
           "properties": {"weight": {"type": "integer", "minimum": 0, "maximum": 256}, "condition": {"$ref": "#/components/schemas/Condition"}}
          },
          "Plan": {"type": "object", "required": ["plan"], "properties": {"plan": {"type": "array", "items": {"type": "string"}}}},
          "Job": {
           "type": "object",
           "description": "A job; docs/jobs.md has all of its fields.",
           "required": ["hpcs_action"],
           "properties": {
            "hpcs_action": {"enum": ["UPDATE", "CREATE", "SUSPEND", "ENABLE", "DELETE", "STATS", "METRICS", "DISCOVER", "DIAGNOSTICS", "ARCHIVE"]},
            "hpcs_dry_run": {"type": "boolean"},
            "hpcs_force": {"type": "boolean"},
            "loadBalancers": {"type": "array", "items": {"type": "object"}}
           }
          },
          "Reply": {"description": "The reply of the job, byte for byte as over Gearman. For a text that is no JSON it has its own text."},
          "Statement": {
           "type": "object",
           "required": ["time", "what"],
           "properties": {"time": {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}]}, "what": {"type": "string"}}
          },
          "Explanation": {
           "type": "object",
           "required": ["id", "summary", "why", "differs"],
           "properties": {
            "id": {"type": "string"},
            "node": {"type": "string"},
            "summary": {"type": "string"},
            "why": {
             "type": "array",
             "items": {
              "allOf": [
               {"$ref": "#/components/schemas/Statement"},
               {
                "type": "object",
                "required": ["step", "details"],
                "properties": {
                 "step": {"enum": ["job", "section", "object", "wanted", "address", "facts", "effective", "operation", "appliance"]},
                 "details": {"type": "array", "items": {"$ref": "#/components/schemas/Statement"}}
                }
               }
              ]
             }
            },
            "differs": {"type": "array", "items": {"type": "string"}}
           }
          },
          "JournalEntry": {
           "type": "object",
           "required": ["revision", "time", "source", "origin", "what", "outcome"],
           "properties": {
            "revision": {"type": "integer", "minimum": 0},
            "time": {"type": "string", "format": "date-time"},
            "source": {"type": "string"},
            "origin": {"type": "string"},
            "what": {"type": "string"},
            "outcome": {"type": "string"}
           }
          },
          "Journal": {
           "type": "object",
           "required": ["journal"],
           "properties": {"journal": {"type": "array", "items": {"$ref": "#/components/schemas/JournalEntry"}}}
          }
         }
        }
        """#
}
