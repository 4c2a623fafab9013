extension OpenAPI {
    /// What the paths have in common.
    static let components = #"""
        {
         "securitySchemes": {
          "token": {"type": "http", "scheme": "bearer"},
          "openstack": {"type": "apiKey", "in": "header", "name": "X-Auth-Token"},
          "cookie": {"type": "apiKey", "in": "cookie", "name": "lbaas_session", "description": "__Host-lbaas_session over TLS."},
          "csrf": {"type": "apiKey", "in": "header", "name": "X-CSRF-Token", "description": "With the cookie, for what is not GET."}
         },
         "responses": {
          "Problem": {
           "description": "A problem (RFC 9457).",
           "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
          }
         },
         "parameters": {
          "User": {
           "name": "user", "in": "path", "required": true, "description": "The id or the name of a user.",
           "schema": {"type": "string", "minLength": 1}
          },
          "Token": {
           "name": "id", "in": "path", "required": true, "description": "The id of an application credential or of a token.",
           "schema": {"type": "string", "minLength": 1}
          }
         },
         "schemas": {
          "Problem": {
           "type": "object", "required": ["title", "status", "detail"],
           "properties": {
            "title": {"type": "string"}, "status": {"type": "integer"}, "detail": {"type": "string"}, "code": {"type": "string"},
            "pointer": {"type": "string", "description": "The field of the body that it is about."}
           }
          },
          "Role": {"type": "string", "enum": ["viewer", "operator", "admin"]},
          "Name": {"type": "string", "minLength": 1, "maxLength": 128, "description": "128 bytes at most, no control characters."},
          "Password": {"type": "string", "minLength": 8, "maxLength": 1024, "description": "8 to 1024 bytes."},
          "Login": {
           "type": "object", "additionalProperties": false,
           "oneOf": [{"required": ["name", "password"]}, {"required": ["credential", "secret"]}],
           "properties": {
            "name": {"type": "string"}, "password": {"type": "string"},
            "credential": {"type": "string", "description": "The id of an application credential."}, "secret": {"type": "string"},
            "cookie": {"type": "boolean", "default": true, "description": "false: the answer has the token, and no cookie is set."}
           }
          },
          "Session": {
           "type": "object", "required": ["user", "role", "project", "expires"],
           "properties": {
            "user": {"$ref": "#/components/schemas/Named"}, "role": {"$ref": "#/components/schemas/Role"},
            "project": {"$ref": "#/components/schemas/Named"}, "expires": {"type": "string", "format": "date-time"},
            "csrf": {"type": "string", "description": "The value of X-CSRF-Token, where the request has the cookie."},
            "token": {"type": "string", "description": "Where no cookie was asked for."}
           }
          },
          "Named": {"type": "object", "required": ["id", "name"], "properties": {"id": {"type": "string"}, "name": {"type": "string"}}},
          "User": {
           "type": "object", "required": ["id", "name", "role", "project", "project_id", "enabled", "created"],
           "properties": {
            "id": {"type": "string"}, "name": {"type": "string"}, "role": {"$ref": "#/components/schemas/Role"},
            "project": {"type": "string"}, "project_id": {"type": "string"}, "enabled": {"type": "boolean"},
            "created": {"type": "string", "format": "date-time"}
           }
          },
          "Users": {
           "type": "object", "required": ["users"],
           "properties": {"users": {"type": "array", "items": {"$ref": "#/components/schemas/User"}}}
          },
          "NewUser": {
           "type": "object", "required": ["name", "password", "role"], "additionalProperties": false,
           "properties": {
            "name": {"$ref": "#/components/schemas/Name"}, "password": {"$ref": "#/components/schemas/Password"},
            "role": {"$ref": "#/components/schemas/Role"}, "project": {"$ref": "#/components/schemas/Name"}
           }
          },
          "UserChange": {
           "type": "object", "additionalProperties": false,
           "properties": {
            "password": {"$ref": "#/components/schemas/Password"}, "old_password": {"type": "string"},
            "role": {"$ref": "#/components/schemas/Role"}, "project": {"$ref": "#/components/schemas/Name"}, "enabled": {"type": "boolean"}
           }
          },
          "Token": {
           "type": "object", "required": ["id", "kind", "name", "user", "role", "created", "expires"],
           "properties": {
            "id": {"type": "string"}, "kind": {"enum": ["credential", "session"]}, "name": {"type": ["string", "null"]},
            "user": {"type": "string"}, "role": {"$ref": "#/components/schemas/Role"},
            "created": {"type": "string", "format": "date-time"}, "expires": {"type": ["string", "null"], "format": "date-time"},
            "credential": {"type": "string", "description": "The id of the credential that a token was made for."},
            "secret": {"type": "string", "description": "Only in the answer that makes it."}
           }
          },
          "Tokens": {
           "type": "object", "required": ["tokens"],
           "properties": {"tokens": {"type": "array", "items": {"$ref": "#/components/schemas/Token"}}}
          },
          "NewToken": {
           "type": "object", "required": ["name"], "additionalProperties": false,
           "properties": {
            "name": {"$ref": "#/components/schemas/Name"}, "role": {"$ref": "#/components/schemas/Role"},
            "expires_in": {"type": "integer", "minimum": 60, "maximum": 315360000, "description": "Seconds; for ever without it."},
            "user": {"type": "string", "description": "For admins: whose it is."}
           }
          },
          "Hosts": {
           "type": "object", "required": ["hosts"],
           "properties": {"hosts": {"type": "array", "items": {"$ref": "#/components/schemas/Host"}}}
          },
          "Host": {
           "type": "object", "required": ["id", "group", "state", "load_balancers", "wanted", "revision", "refused"],
           "properties": {
            "id": {"type": "string", "description": "The function of the worker at the job server."}, "group": {"type": "string"},
            "state": {"enum": ["UP", "AWAY", "UNKNOWN"]},
            "since": {"type": ["string", "null"], "format": "date-time", "description": "Since when it is away."},
            "driver": {"type": ["string", "null"]}, "version": {"type": ["string", "null"]},
            "error": {"type": ["string", "null"], "description": "What went wrong last."}, "load_balancers": {"type": "integer"},
            "wanted": {"type": "integer", "description": "The revision of the last change that it is to have."},
            "revision": {"type": "integer", "description": "The revision that it has committed."},
            "settled": {"type": ["string", "null"], "format": "date-time"},
            "server": {"type": ["string", "null"], "description": "The server that drives it."},
            "refused": {
             "type": "array", "description": "What it refused, of the projects that the user sees.",
             "items": {
              "type": "object", "required": ["id", "sentence"],
              "properties": {"id": {"type": "string"}, "sentence": {"type": "string"}}
             }
            }
           }
          },
          "Groups": {
           "type": "object", "required": ["groups"],
           "properties": {"groups": {"type": "array", "items": {"$ref": "#/components/schemas/Group"}}}
          },
          "Group": {
           "type": "object", "required": ["name", "workers", "addresses", "allocated", "capacity"],
           "properties": {
            "name": {"type": "string"}, "workers": {"type": "array", "items": {"type": "string"}},
            "addresses": {"type": "array", "items": {"type": "string"}}, "interface": {"type": ["string", "null"]},
            "allocated": {"type": "integer"}, "capacity": {"type": "integer"}
           }
          },
          "Audit": {
           "type": "object", "required": ["audit"],
           "properties": {"audit": {"type": "array", "items": {"$ref": "#/components/schemas/AuditRecord"}}}
          },
          "AuditRecord": {
           "type": "object", "required": ["time", "actor", "address", "action", "subject"],
           "properties": {
            "time": {"type": "string", "format": "date-time"}, "actor": {"type": "string"}, "address": {"type": "string"},
            "action": {"type": "string"}, "subject": {"type": "string"}
           }
          }
         }
        }
        """#
}
