extension OpenAPI {
    private static func problems(_ codes: String...) -> String {
        codes.map { "\"\($0)\": {\"$ref\": \"#/components/responses/Problem\"}" }.joined(separator: ", ")
    }

    /// The failures of what asks who it is.
    private static let usual = problems("400", "401", "403", "429", "500", "503", "504")
    /// The failures of what names something.
    private static let missing = problems("404")
    /// The failures of what makes or changes something.
    private static let conflict = problems("409")
    /// The failures of what has a body.
    private static let body = problems("413", "415")

    private static func answer(_ schema: String, _ status: String = "200") -> String {
        "\"\(status)\": {\"description\": \"The answer.\", \"content\": {\"application/json\": {\"schema\": {\"$ref\": \"#/components/schemas/\(schema)\"}}}}"
    }

    private static func request(_ schema: String) -> String {
        "\"requestBody\": {\"required\": true, \"content\": {\"application/json\": {\"schema\": {\"$ref\": \"#/components/schemas/\(schema)\"}}}}"
    }

    /// What there is at each path.
    static let paths = #"""
        {
         "/openapi.json": {
          "get": {
           "operationId": "description", "summary": "This description.", "security": [],
           "responses": {"200": {"description": "The description.", "content": {"application/json": {"schema": {"type": "object"}}}}}
          }
         },
         "/v1/session": {
          "post": {
           "operationId": "logIn", "summary": "Recognises a user by the password, or a program by an application credential.", "security": [],
           \#(request("Login")),
           "responses": {\#(answer("Session", "201")), \#(usual), \#(body)}
          },
          "get": {
           "operationId": "session", "summary": "Who asks.", "x-role": "viewer",
           "responses": {\#(answer("Session")), \#(usual)}
          },
          "delete": {
           "operationId": "logOut", "summary": "Ends the token of the request.", "x-role": "viewer",
           "responses": {"204": {"description": "It is ended."}, \#(usual), \#(conflict)}
          }
         },
         "/v1/users": {
          "get": {
           "operationId": "users", "summary": "All users, by name.", "x-role": "admin",
           "responses": {\#(answer("Users")), \#(usual)}
          },
          "post": {
           "operationId": "addUser", "summary": "Makes a user, and the project where there is none of that name.", "x-role": "admin",
           \#(request("NewUser")),
           "responses": {
            "201": {
             "description": "The user.", "headers": {"Location": {"schema": {"type": "string"}}},
             "content": {"application/json": {"schema": {"$ref": "#/components/schemas/User"}}},
             "links": {
              "show": {"operationId": "user", "parameters": {"user": "$response.body#/id"}},
              "delete": {"operationId": "deleteUser", "parameters": {"user": "$response.body#/id"}}
             }
            },
            \#(usual), \#(conflict), \#(body)
           }
          }
         },
         "/v1/users/{user}": {
          "parameters": [{"$ref": "#/components/parameters/User"}],
          "get": {
           "operationId": "user", "summary": "A user. Others than admins have only themselves.", "x-role": "viewer",
           "responses": {\#(answer("User")), \#(usual), \#(missing)}
          },
          "patch": {
           "operationId": "changeUser", "x-role": "viewer",
           "summary": "Changes a user, whose tokens all end. Others than admins change the own password only. The own password needs the old one.",
           \#(request("UserChange")),
           "responses": {\#(answer("User")), \#(usual), \#(missing), \#(conflict), \#(body)}
          },
          "delete": {
           "operationId": "deleteUser", "summary": "Deletes a user, with the tokens and credentials.", "x-role": "admin",
           "responses": {"204": {"description": "It is deleted."}, \#(usual), \#(missing), \#(conflict)}
          }
         },
         "/v1/tokens": {
          "get": {
           "operationId": "tokens", "summary": "The own application credentials and tokens; with all=true those of everybody, for admins.",
           "x-role": "viewer",
           "parameters": [{"name": "all", "in": "query", "schema": {"type": "boolean"}}],
           "responses": {\#(answer("Tokens")), \#(usual)}
          },
          "post": {
           "operationId": "addToken", "x-role": "viewer",
           "summary": "Makes an application credential: an id and a secret that become a token at /v3/auth/tokens.",
           \#(request("NewToken")),
           "responses": {
            "201": {
             "description": "The credential with its secret, which is shown only now.",
             "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Token"}}},
             "links": {"revoke": {"operationId": "revokeToken", "parameters": {"id": "$response.body#/id"}}}
            },
            \#(usual), \#(missing), \#(conflict), \#(body)
           }
          }
         },
         "/v1/tokens/{id}": {
          "parameters": [{"$ref": "#/components/parameters/Token"}],
          "delete": {
           "operationId": "revokeToken", "summary": "Deletes an application credential with its tokens, or ends a token.", "x-role": "viewer",
           "responses": {"204": {"description": "It is gone."}, \#(usual), \#(missing), \#(conflict)}
          }
         },
         "/v1/hosts": {
          "get": {
           "operationId": "hosts", "summary": "The workers of all groups, and how far each has what is wanted of it.", "x-role": "viewer",
           "responses": {\#(answer("Hosts")), \#(usual)}
          }
         },
         "/v1/groups": {
          "get": {
           "operationId": "groups", "summary": "The groups of workers, with the ranges of their addresses.", "x-role": "viewer",
           "responses": {\#(answer("Groups")), \#(usual)}
          }
         },
         "/v1/events": {
          "get": {
           "operationId": "events", "x-role": "viewer",
           "summary": "Server-sent events: change, host, health, lost; the ids are revisions of the store. Of the own project, for admins of all.",
           "parameters": [{"name": "Last-Event-ID", "in": "header", "schema": {"type": "string"}}],
           "responses": {
            "200": {"description": "Events, without end.", "content": {"text/event-stream": {"schema": {"type": "string"}}}}, \#(usual)
           }
          }
         },
         "/v1/audit": {
          "get": {
           "operationId": "audit", "summary": "Who did what, the oldest first.", "x-role": "admin",
           "parameters": [
            {"name": "since", "in": "query", "schema": {"type": "string", "format": "date-time"}, "description": "A time in UTC."},
            {"name": "limit", "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": 1000, "default": 100}}
           ],
           "responses": {\#(answer("Audit")), \#(usual)}
          }
         }
        }
        """#
}
