import HostSystem
import TestSupport
import Testing

@testable import Kubernetes

/// Files that say how a cluster is reached.
@Suite struct KubeconfigTests {
    private static func text(cluster: String = "server: https://10.0.0.1:6443", user: String = "token: abc", current: String = "here")
        -> String
    {
        """
        apiVersion: v1
        kind: Config
        current-context: \(current)
        contexts:
        - name: here
          context: {cluster: one, user: admin}
        clusters:
        - name: one
          cluster: {\(cluster)}
        users:
        - name: admin
          user: {\(user)}
        """
    }

    private static func read(_ text: String) throws -> APIServer {
        let folder = try TemporaryFolder()
        return try Kubeconfig.read(try folder.write(text, to: "config"))
    }

    @Test("The server, the authorities and the credentials of the current context are taken")
    func everything() throws {
        let authority = Base64.encode(Array("PEM".utf8))
        let server = try Self.read(
            Self.text(
                cluster: "server: https://k8s.example/clusters/a/, certificate-authority-data: \(authority), tls-server-name: api, "
                    + "proxy-url: 'http://proxy:3128', insecure-skip-tls-verify: true",
                user: "tokenFile: /run/token, token: abc, client-certificate: c.pem, client-key: /k.pem"))
        #expect(server.url == "https://k8s.example:443/clusters/a")
        #expect(server.authorities == .text(Array("PEM".utf8)) && server.serverName == "api" && server.acceptsAnyCertificate)
        #expect(server.proxy == "http://proxy:3128" && server.token == .file("/run/token"))
        guard case .file(let file) = server.certificate?.certificate else { throw Failure("no file") }
        #expect(file.hasSuffix("/c.pem") && file.hasPrefix("/"), "a path is one from the folder of the file")
        #expect(server.certificate?.key == .file("/k.pem"))
        #expect(server.url(of: "/api") == "https://api:443/clusters/a/api")
        let options = server.options(largestAnswer: 1)
        #expect(options.connectTo == "api:443:k8s.example:443" && options.acceptsAnyCertificate && options.authorities == nil)
    }

    @Test("A file of JSON is one of YAML")
    func json() throws {
        let text = """
            {"current-context":"a","contexts":[{"name":"a","context":{"cluster":"c"}}],
            "clusters":[{"name":"c","cluster":{"server":"https://[fd00::1]:6443"}}]}
            """
        let server = try Self.read(text)
        #expect(server.url == "https://[fd00::1]:6443" && server.token == nil && server.certificate == nil)
    }

    @Test(
        "What cannot be used is refused with a sentence that names the file",
        arguments: [
            (text(current: "there"), "contexts: there is none with the name 'there'"), (text(current: "''"), "has no current-context"),
            (text(cluster: "server: http://10.0.0.1"), "is without TLS"), (text(cluster: "x: y"), "has no server"),
            (text(cluster: "server: 'https://user@10.0.0.1'"), "is not the URL of a server"),
            (text(cluster: "server: 'https://10.0.0.1/a?b'"), "more than a host, a port and a path"),
            (text(cluster: "server: 'https://10.0.0.1', certificate-authority-data: '%%'"), "certificate-authority-data is not base64"),
            (text(user: "exec: {command: aws}"), "credentials from a program"),
            (text(user: "auth-provider: {name: gcp}"), "credentials from a program"),
            (text(user: "username: a, password: b"), "has a password"),
            (text(user: "client-certificate: /a.pem"), "without its client-key"), ("", "it is empty"), ("a: [", "line "),
            ("[]", "is not an object"),
        ])
    func refusals(text: String, words: String) throws {
        let error = try #require(throws: KubernetesError.self) { try Self.read(text) }
        #expect(error.code == .configuration && error.message.contains(words) && error.message.contains("/config: "), "\(error)")
    }

    @Test("A file that is not there says so")
    func missing() throws {
        let error = try #require(throws: KubernetesError.self) { try Kubeconfig.read("/nowhere/config") }
        #expect(error.message == "/nowhere/config cannot be read: No such file or directory")
    }

    @Test("In a cluster the server is that of the environment, unless there is a better address")
    func inCluster() throws {
        let environment = ["KUBERNETES_SERVICE_HOST": "fd00:96::1", "KUBERNETES_SERVICE_PORT": "6443"]
        let server = try APIServer.inCluster(environment: environment, folder: "/f")
        #expect(server.url == "https://[fd00:96::1]:6443" && server.token == .file("/f/token") && server.authorities == .file("/f/ca.crt"))
        #expect(try APIServer.inCluster(url: "https://10.0.0.1:6443", environment: [:]).url == "https://10.0.0.1:6443")
        #expect(throws: KubernetesError.self) { try APIServer.inCluster(environment: [:]) }
    }

    @Test("A token is one word; a file of it is read for each request")
    func token() throws {
        let folder = try TemporaryFolder()
        var server = try APIServer(url: "https://10.0.0.1")
        #expect(try !server.fields().contains { $0.hasPrefix("Authorization") })
        server.token = .file(try folder.write("abc\n", to: "token"))
        #expect(try server.fields().contains("Authorization: Bearer abc"))
        _ = try folder.write("def", to: "token")
        #expect(try server.fields().contains("Authorization: Bearer def") && server.fields().contains("User-Agent: lbaas-worker"))
        for text in ["", "a b", "a\u{7}"] {
            _ = try folder.write(text, to: "token")
            #expect(throws: KubernetesError.self) { try server.fields() }
        }
    }

    @Test("Requests select what a proxy needs")
    func requests() {
        func list(_ kind: ObjectKind, _ proxyName: String = "", _ node: String = "n1") -> String {
            ResourceRequest(kind, proxyName: proxyName, nodeName: node).list(continuing: nil)
        }
        #expect(list(.service) == "/api/v1/services?labelSelector=%21service.kubernetes.io%2Fservice-proxy-name&limit=500")
        #expect(list(.service, "edge") == "/api/v1/services?labelSelector=service.kubernetes.io%2Fservice-proxy-name%3Dedge&limit=500")
        #expect(
            list(.node) == "/api/v1/nodes?fieldSelector=metadata.name%3Dn1&limit=500" && list(.node, "", "") == "/api/v1/nodes?limit=500")
        let slices = ResourceRequest(.endpointSlice, proxyName: "", nodeName: "n1")
        #expect(
            slices.watch(after: "12", seconds: 300)
                == "/apis/discovery.k8s.io/v1/endpointslices?labelSelector=%21service.kubernetes.io%2Fservice-proxy-name"
                + "%2C%21service.kubernetes.io%2Fheadless&watch=true&resourceVersion=12&allowWatchBookmarks=true&timeoutSeconds=300")
        #expect(slices.list(continuing: "a/b=").hasSuffix("&limit=500&continue=a%2Fb%3D"))
    }
}
