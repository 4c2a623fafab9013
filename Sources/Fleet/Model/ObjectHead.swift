package import JSON
package import LBaaS

/// What was done to an object last.
package enum ObjectChange: String, Sendable {
    case create = "CREATE"
    case update = "UPDATE"
    case delete = "DELETE"
}

/// What all objects have.
package struct ObjectHead: Hashable, Sendable {
    /// The id.
    package let id: String
    /// The id of the project that it belongs to.
    package let project: String
    /// The name, any text.
    package var name: String
    /// What people say of it.
    package var description: String
    /// Whether it is to work: `admin_state_up`.
    package var isEnabled: Bool
    /// Words to find it by.
    package var tags: [String]
    /// When it was made.
    package let created: Timestamp
    /// When it was changed last; nil for never.
    package var updated: Timestamp?
    /// What was done to it last. A member or monitor whose pool was written for another reason has an `update` here.
    package var change = ObjectChange.create

    /// The head of a new object.
    package init(
        id: String, project: String, name: String = "", description: String = "", isEnabled: Bool = true, tags: [String] = [],
        created: Timestamp
    ) {
        (self.id, self.project, self.name, self.description) = (id, project, name, description)
        (self.isEnabled, self.tags, self.created) = (isEnabled, tags, created)
    }

    /// Notes that it is changed or deleted.
    package mutating func note(_ change: ObjectChange, at time: Timestamp) { (self.change, updated) = (change, time) }

    func write(to writer: inout ObjectWriter) {
        writer.text("id", id)
        writer.text("project", project)
        if !name.isEmpty { writer.text("name", name) }
        if !description.isEmpty { writer.text("description", description) }
        if !isEnabled { writer.flag("enabled", false) }
        if !tags.isEmpty { writer.texts("tags", tags) }
        writer.time("created", created)
        writer.time("updated", updated)
        writer.text("change", change.rawValue)
    }

    init?(_ object: JSONValue) {
        guard let id = object.text("id"), let project = object.text("project"), let created = object.time("created"),
            let change = object.text("change").flatMap(ObjectChange.init)
        else { return nil }
        self.init(
            id: id, project: project, name: object.text("name") ?? "", description: object.text("description") ?? "",
            isEnabled: object["enabled"]?.boolean ?? true, tags: object.texts("tags"), created: created)
        updated = object.time("updated")
        self.change = change
    }
}

/// A record of an object.
package protocol ObjectRecord: Sendable {
    /// What all objects have.
    var head: ObjectHead { get set }
    /// The record as the store has it.
    var json: [UInt8] { get }
    /// Reads a record; nil where it is none.
    init?(_ object: JSONValue)
}
