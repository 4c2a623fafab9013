import Glibc
import HostSystem
import JSON

/// A folder of manifests. All of its files together are all objects of the cluster.
struct ManifestFolder {
    private struct File {
        /// The contents that were read; nil where they could not be.
        var identity: RegularFile.Identity?
        /// The objects of the last contents that could be read; nil where none ever could.
        var manifest: Manifest?
        var trouble: String?
    }

    private let path: String
    private let tokenizer: JSONTokenizer
    private var files: [String: File] = [:]
    private var told: [ObjectKind: [ClusterObject]]?
    private var troubles: [String: String] = [:]

    /// The most files of a folder.
    private static let mostFiles = 10_000

    init(_ path: String, _ tokenizer: JSONTokenizer) { (self.path, self.tokenizer) = (path, tokenizer) }

    /// Reads what changed.
    ///
    /// A file that cannot be read any more keeps the objects that it had. As long as there is one that never could be read nothing is told,
    /// unless something was before: what it has would look like something that is gone.
    mutating func read() -> [ClusterUpdate] {
        var found: [String: String] = [:]
        do throws(KubernetesError) {
            try readFiles()
            for (name, file) in files { found["\(path)/\(name)"] = file.trouble }
        } catch {
            found[path] = "\(error)"
        }
        var updates: [ClusterUpdate] = []
        let (all, doubles) = collect()
        found.merge(doubles) { first, _ in first }
        for (place, words) in found.sorted(by: { $0.key < $1.key }) where troubles[place] != words {
            updates.append(.trouble(about: place, words))
        }
        for place in troubles.keys.sorted() where found[place] == nil { updates.append(.trouble(about: place, nil)) }
        troubles = found
        let isKnown = found[path] == nil && files.values.allSatisfy { $0.manifest != nil }
        guard told != nil || isKnown else { return updates }
        let changes = ObjectKind.allCases.filter { told == nil || told?[$0] != all[$0] }.map { ObjectChange.replace($0, all[$0] ?? []) }
        told = all
        return changes.isEmpty ? updates : updates + [.changes(changes)]
    }

    private mutating func readFiles() throws(KubernetesError) {
        let names = try list()
        files = files.filter { names.contains($0.key) }
        for name in names.sorted() {
            var file = files[name] ?? File()
            let place = "\(path)/\(name)"
            do throws(RegularFile.Failure) {
                if file.identity != nil, try RegularFile.identity(of: place) == file.identity { continue }
                let (text, identity) = try RegularFile.read(place, limit: Manifest.largest)
                (file.identity, file.trouble) = (identity, nil)
                do throws(KubernetesError) { file.manifest = try Manifest(text, tokenizer) } catch { file.trouble = "\(error)" }
            } catch {
                // It went between the listing and here: the next reading knows.
                if error == .unreadable(ENOENT) { continue }
                (file.identity, file.trouble) = (nil, "it cannot be read: \(error.words)")
            }
            files[name] = file
        }
    }

    private func list() throws(KubernetesError) -> Set<String> {
        guard let folder = unsafe opendir(path) else {
            throw KubernetesError(.unreadable, "the folder cannot be read: \(errorText(errno))")
        }
        defer { unsafe closedir(folder) }
        var names: Set<String> = []
        while let entry = unsafe readdir(folder) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { name in
                unsafe name.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
            }
            guard !name.hasPrefix("."), [".json", ".yaml", ".yml"].contains(where: name.hasSuffix) else { continue }
            names.insert(name)
            if names.count > Self.mostFiles { throw KubernetesError(.unreadable, "the folder has more than \(Self.mostFiles) files") }
        }
        return names
    }

    /// All objects by kind, in the order of their files; of one that is there twice the first. And what is there twice, by file.
    private func collect() -> (objects: [ObjectKind: [ClusterObject]], doubles: [String: String]) {
        var objects: [ObjectKind: [ClusterObject]] = [:]
        var doubles: [String: String] = [:]
        var places: [ObjectKind: [ObjectKey: String]] = [:]
        for (name, file) in files.sorted(by: { $0.key < $1.key }) {
            for object in file.manifest?.objects ?? [] {
                if let first = places[object.kind]?[object.key] {
                    doubles["\(path)/\(name)"] = "\(object.kind.rawValue) \(object.key) is in \(first) already, which counts"
                } else {
                    places[object.kind, default: [:]][object.key] = name
                    objects[object.kind, default: []].append(object)
                }
            }
        }
        return (objects, doubles)
    }
}
