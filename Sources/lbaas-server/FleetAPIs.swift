import FleetFront
import FleetIdentity
import FleetOctavia
import FleetStore
import HTTPServer
import HostSystem
import LBaaS
import ServiceSettings

/// The APIs of the rooms of the fleet.
struct FleetAPIs: Sendable {
    let parts: FleetParts

    /// The services that clients find in the catalog of a token.
    private static let catalog = [
        CatalogService(type: "load-balancer", name: "octavia", path: ""),
        // OpenStack's command line wants a network for each load balancer.
        CatalogService(type: "network", name: "neutron", path: ""),
        // It looks projects up by their names, for quotas.
        CatalogService(type: "identity", name: "keystone", path: "/v3"),
    ]

    /// Adds the routes of all rooms.
    func add(to routes: inout HTTPRoutes) {
        identity.add(to: &routes)
        front.add(to: &routes)
        octavia.add(to: &routes)
    }

    /// Begins what is done once, beside requests: where the groups are others than they were, the workers get what they are to have now.
    func begin() {
        let (octavia, log) = (octavia, parts.log)
        _ = parts.work.add {
            do throws(FleetStoreError) {
                try octavia.reconcile()
            } catch {
                log.write(
                    .warning, "whether the groups have changed could not be looked at; start the server again for that",
                    [("reason", error.message)])
            }
        }
    }

    private var front: FrontAPI {
        var configuration = FrontAPI.Configuration()
        configuration.isSecure = isSecure
        configuration.versions = OctaviaAPI.versions
        configuration.log = parts.log
        return FrontAPI(parts.accounts, parts.cache, parts.work, configuration)
    }

    /// Whether browsers reach the server by TLS.
    private var isSecure: Bool { parts.settings.listener.certificate != nil || parts.settings.publicURL?.hasPrefix("https://") == true }

    private var octavia: OctaviaAPI {
        var configuration = OctaviaAPI.Configuration()
        configuration.isSecure = isSecure
        configuration.log = parts.log
        return OctaviaAPI(parts.accounts, parts.store, parts.cache, parts.work, configuration)
    }

    private var identity: IdentityAPI {
        var configuration = IdentityAPI.Configuration(services: Self.catalog)
        configuration.publicURL = parts.settings.publicURL
        configuration.log = parts.log
        return IdentityAPI(parts.accounts, parts.work, configuration)
    }
}
