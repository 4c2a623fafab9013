/// Who is who among the processes of this host, by the ids that the kernel tells of the other end of a Unix socket.
package struct LocalAccess: Sendable {
    private let serviceUser: UInt32
    private let operators: Set<UInt32>
    private let viewers: Set<UInt32>

    /// - Parameters:
    ///   - serviceUser: the user of this process, who is admin as root is.
    ///   - operators: the groups whose members are operators.
    ///   - viewers: the groups whose members are viewers.
    package init(serviceUser: UInt32, operators: Set<UInt32>, viewers: Set<UInt32>) {
        self.serviceUser = serviceUser
        self.operators = operators
        self.viewers = viewers
    }

    /// Who a process is; nil for somebody who may nothing. The name is `uid:` with the number of the user.
    ///
    /// - Parameters:
    ///   - group: its group.
    ///   - groups: its supplementary groups.
    package func principal(user: UInt32, group: UInt32, groups: [UInt32]) -> Principal? {
        let all = groups + [group]
        let role: Role? =
            if user == 0 || user == serviceUser { .admin } else if all.contains(where: operators.contains) {
                .operator
            } else if all.contains(where: viewers.contains) { .viewer } else { nil }
        return role.map { Principal(name: "uid:\(user)", role: $0) }
    }
}
