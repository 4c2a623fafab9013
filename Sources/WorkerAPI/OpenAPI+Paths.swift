extension OpenAPI {
    private static func problems(_ codes: String...) -> String {
        codes.map { "\"\($0)\": {\"$ref\": \"#/components/responses/Problem\"}" }.joined(separator: ", ")
    }

    /// The failures of what only reads.
    private static let read = problems("400", "401", "403", "503", "504")
    /// The failures of changes.
    private static let change = problems("400", "401", "403", "409", "412", "422", "429", "503", "504")
    /// The failure of what names something.
    private static let missing = problems("404")
    /// The failures of what is about virtual IPs, of which some are in the words of LINK.
    private static let virtualIP =
        problems("401", "403", "409", "412", "422", "429", "503", "504")
        + ##", "400": {"$ref": "#/components/responses/VirtualIPRefused"}, "404": {"$ref": "#/components/responses/NoVirtualIP"}"##
    /// The failures of what has a body.
    private static let body = problems("413", "415")

    private static func parameters(_ names: String...) -> String {
        names.map { "{\"$ref\": \"#/components/parameters/\($0)\"}" }.joined(separator: ", ")
    }

    /// The parameters of all changes.
    private static let repeatable = parameters("DryRun", "IdempotencyKey")
    /// Those of changes that may depend on the revision, too.
    private static let conditional = parameters("DryRun", "IfMatch", "IdempotencyKey")

    /// What there is at each path.
    static let paths = #"""
        {
         "/healthz": {
          "get": {
           "operationId": "health",
           "summary": "The process lives.",
           "security": [],
           "responses": {"200": {"description": "It lives.", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Health"}}}}}
          }
         },
         "/readyz": {
          "get": {
           "operationId": "readiness",
           "summary": "The worker can do its work.",
           "security": [],
           "responses": {
            "200": {"description": "It can.", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Readiness"}}}},
            "503": {"description": "It cannot.", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Readiness"}}}}
           }
          }
         },
         "/metrics": {
          "get": {
           "operationId": "metrics",
           "summary": "All figures, as text for Prometheus.",
           "x-role": "viewer",
           "responses": {
            "200": {"description": "The figures.", "content": {"text/plain": {"schema": {"type": "string"}}}},
            \#(read)
           }
          }
         },
         "/openapi.json": {
          "get": {
           "operationId": "description",
           "summary": "This description.",
           "security": [],
           "responses": {"200": {"description": "The description.", "content": {"application/json": {"schema": {"type": "object"}}}}}
          }
         },
         "/v1/status": {
          "get": {
           "operationId": "status",
           "summary": "The worker and its state in a few words.",
           "x-role": "viewer",
           "responses": {
            "200": {
             "description": "The answer.",
             "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Status"}}},
             "headers": {"ETag": {"$ref": "#/components/headers/ETag"}}
            },
            \#(read)
           }
          }
         },
         "/v1/load-balancers": {
          "get": {
           "operationId": "list",
           "summary": "All load balancers, in the order of their ids.",
           "x-role": "viewer",
           "parameters": [{"$ref": "#/components/parameters/IfNoneMatch"}],
           "responses": {
            "200": {
             "description": "The answer.",
             "content": {"application/json": {"schema": {"$ref": "#/components/schemas/LoadBalancers"}}},
             "headers": {"ETag": {"$ref": "#/components/headers/ETag"}}
            },
            "304": {"description": "The client has it already.", "headers": {"ETag": {"$ref": "#/components/headers/ETag"}}},
            \#(read)
           }
          }
         },
         "/v1/load-balancers/{id}": {
          "parameters": [{"$ref": "#/components/parameters/ID"}],
          "get": {
           "operationId": "show",
           "summary": "One load balancer.",
           "x-role": "viewer",
           "parameters": [{"$ref": "#/components/parameters/IfNoneMatch"}],
           "responses": {
            "200": {
             "description": "The answer.",
             "content": {"application/json": {"schema": {"$ref": "#/components/schemas/LoadBalancer"}}},
             "headers": {"ETag": {"$ref": "#/components/headers/ETag"}}
            },
            "304": {"description": "The client has it already.", "headers": {"ETag": {"$ref": "#/components/headers/ETag"}}},
            \#(missing), \#(read)
           }
          },
          "put": {
           "operationId": "put",
           "summary": "Creates or replaces a load balancer.",
           "x-role": "operator",
           "parameters": [
            \#(conditional),
            {"$ref": "#/components/parameters/IfNoneMatch"}
           ],
           "requestBody": {"required": true, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/WantedLoadBalancer"}}}},
           "responses": {
            "200": {"$ref": "#/components/responses/Changed"},
            \#(change), \#(body)
           }
          },
          "delete": {
           "operationId": "delete",
           "summary": "Deletes a load balancer.",
           "x-role": "operator",
           "parameters": [
            \#(conditional),
            {"$ref": "#/components/parameters/Force"}
           ],
           "responses": {
            "200": {
             "description": "The plan of it, for a dry run.",
             "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Plan"}}}
            },
            "204": {"description": "It is done."},
            \#(missing), \#(change)
           }
          }
         },
         "/v1/load-balancers/{id}/suspend": {
          "parameters": [{"$ref": "#/components/parameters/ID"}],
          "post": {
           "operationId": "suspend",
           "summary": "Keeps a load balancer, and stops serving.",
           "x-role": "operator",
           "parameters": [\#(conditional)],
           "responses": {
            "200": {"$ref": "#/components/responses/Changed"},
            \#(missing), \#(change)
           }
          }
         },
         "/v1/load-balancers/{id}/enable": {
          "parameters": [{"$ref": "#/components/parameters/ID"}],
          "post": {
           "operationId": "enable",
           "summary": "Serves again.",
           "x-role": "operator",
           "parameters": [\#(conditional)],
           "responses": {
            "200": {"$ref": "#/components/responses/Changed"},
            \#(missing), \#(change)
           }
          }
         },
         "/v1/load-balancers/{id}/nodes/{node}": {
          "parameters": [{"$ref": "#/components/parameters/ID"}, {"$ref": "#/components/parameters/Node"}],
          "put": {
           "operationId": "putNode",
           "summary": "Adds or replaces a node.",
           "x-role": "operator",
           "parameters": [\#(conditional)],
           "requestBody": {"required": true, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/WantedNode"}}}},
           "responses": {
            "200": {"$ref": "#/components/responses/Changed"},
            \#(missing), \#(change), \#(body)
           }
          },
          "patch": {
           "operationId": "patchNode",
           "summary": "Changes the weight or the condition of a node.",
           "x-role": "operator",
           "parameters": [\#(conditional)],
           "requestBody": {"required": true, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/NodePatch"}}}},
           "responses": {
            "200": {"$ref": "#/components/responses/Changed"},
            \#(missing), \#(change), \#(body)
           }
          },
          "delete": {
           "operationId": "deleteNode",
           "summary": "Removes a node.",
           "x-role": "operator",
           "parameters": [\#(conditional)],
           "responses": {
            "200": {"$ref": "#/components/responses/Changed"},
            \#(missing), \#(change)
           }
          }
         },
         "/ips": {
          "get": {
           "operationId": "virtualIPs", "summary": "All virtual IPs.", "x-role": "viewer",
           "responses": {"200": {"$ref": "#/components/responses/VirtualIPs"}, \#(read)}
          },
          "post": {
           "operationId": "addVirtualIP", "summary": "Adds a virtual IP.", "x-role": "operator",
           "parameters": [\#(repeatable)],
           "requestBody": {"required": true, "content": {"application/json": {"schema": {"type": "object", "required": ["ip"]}}}},
           "responses": {
            "200": {"$ref": "#/components/responses/Planned"}, "201": {"$ref": "#/components/responses/VirtualIP"}, \#(virtualIP), \#(body)
           }
          }
         },
         "/ips/{id}": {
          "parameters": [{"$ref": "#/components/parameters/VirtualIPID"}],
          "get": {
           "operationId": "virtualIP", "summary": "One virtual IP.", "x-role": "viewer",
           "responses": {"200": {"$ref": "#/components/responses/VirtualIP"}, \#(virtualIP)}
          },
          "patch": {
           "operationId": "patchVirtualIP", "summary": "Changes a virtual IP.", "x-role": "operator",
           "parameters": [\#(repeatable)],
           "requestBody": {"required": true, "content": {"application/json": {"schema": {"type": "object", "minProperties": 1}}}},
           "responses": {"200": {"$ref": "#/components/responses/VirtualIP"}, \#(virtualIP), \#(body)}
          },
          "delete": {
           "operationId": "removeVirtualIP", "summary": "Removes a virtual IP.", "x-role": "operator",
           "parameters": [\#(repeatable)],
           "responses": {"200": {"$ref": "#/components/responses/Planned"}, "204": {"description": "It is done."}, \#(virtualIP)}
          }
         },
         "/ips/{id}/failover": {
          "parameters": [{"$ref": "#/components/parameters/VirtualIPID"}],
          "post": {
           "operationId": "failOver", "summary": "Gives a virtual IP to another host.", "x-role": "operator",
           "parameters": [
            \#(repeatable),
            {"name": "host", "in": "query", "description": "Which host.", "schema": {"type": "string"}}
           ],
           "responses": {"200": {"$ref": "#/components/responses/Planned"}, "204": {"description": "It is done."}, \#(virtualIP)}
          }
         },
         "/v1/why/{id}": {
          "parameters": [{"$ref": "#/components/parameters/ID"}],
          "get": {
           "operationId": "why",
           "summary": "Why a load balancer is as it is.",
           "x-role": "viewer",
           "responses": {
            "200": {
             "description": "The answer.",
             "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Explanation"}}},
             "headers": {"ETag": {"$ref": "#/components/headers/ETag"}}
            },
            \#(missing), \#(read)
           }
          }
         },
         "/v1/why/{id}/{node}": {
          "parameters": [{"$ref": "#/components/parameters/ID"}, {"$ref": "#/components/parameters/Node"}],
          "get": {
           "operationId": "whyNode",
           "summary": "Why a node is as it is.",
           "x-role": "viewer",
           "responses": {
            "200": {
             "description": "The answer.",
             "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Explanation"}}},
             "headers": {"ETag": {"$ref": "#/components/headers/ETag"}}
            },
            \#(missing), \#(read)
           }
          }
         },
         "/v1/journal": {
          "get": {
           "operationId": "journal",
           "summary": "The changes behind a revision, the oldest first.",
           "x-role": "viewer",
           "parameters": [{"$ref": "#/components/parameters/After"}, {"$ref": "#/components/parameters/Limit"}],
           "responses": {
            "200": {"description": "The answer.", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Journal"}}}},
            \#(read)
           }
          }
         },
         "/v1/traffic": {
          "get": {
           "operationId": "traffic",
           "summary": "The bytes that the appliance has sent for some load balancers; one that it does not count is left out.",
           "x-role": "viewer",
           "parameters": [
            {
             "name": "id",
             "in": "query",
             "required": true,
             "description": "A load balancer; once for each of them.",
             "style": "form",
             "explode": true,
             "schema": {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 200, "uniqueItems": true}
            }
           ],
           "responses": {
            "200": {"description": "The answer.", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Traffic"}}}},
            \#(read)
           }
          }
         },
         "/v1/events": {
          "get": {
           "operationId": "events",
           "summary": "What happens, as Server-Sent Events.",
           "x-role": "viewer",
           "parameters": [
            {
             "name": "Last-Event-ID",
             "in": "header",
             "description": "The number of the last event that the client has.",
             "schema": {"type": "string"}
            }
           ],
           "responses": {
            "200": {"description": "The events, without an end.", "content": {"text/event-stream": {"schema": {"type": "string"}}}},
            "400": {"$ref": "#/components/responses/Problem"}, "401": {"$ref": "#/components/responses/Problem"},
            "403": {"$ref": "#/components/responses/Problem"}, "503": {"$ref": "#/components/responses/Problem"}
           }
          }
         },
         "/v1/jobs": {
          "post": {
           "operationId": "job",
           "summary": "Does a job; the answer is its reply, also where that is a FAIL.",
           "x-role": "operator",
           "parameters": [{"$ref": "#/components/parameters/IdempotencyKey"}],
           "requestBody": {"required": true, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Job"}}}},
           "responses": {
            "200": {"description": "The answer.", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Reply"}}}},
            \#(change), \#(body)
           }
          }
         },
         "/v1/plan": {
          "post": {
           "operationId": "plan",
           "summary": "What a job would do.",
           "x-role": "viewer",
           "requestBody": {"required": true, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Job"}}}},
           "responses": {
            "200": {"description": "The answer.", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Plan"}}}},
            \#(missing), \#(change), \#(body)
           }
          }
         }
        }
        """#
}
