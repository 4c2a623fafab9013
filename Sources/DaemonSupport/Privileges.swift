package import Glibc

/// The user and group that the process becomes after it has done what only root can.
package struct Privileges: Equatable, Sendable {
    /// A user, as the system's database knows it.
    package struct User: Equatable, Sendable {
        package let id: uid_t
        /// The name, by which the system finds the user's further groups; nil where the database has no such user.
        package let name: String?

        /// A user of this number and name.
        package init(id: uid_t, name: String?) {
            self.id = id
            self.name = name
        }
    }

    /// The user to become; nil stays who it is.
    package let user: User?
    /// The group to become.
    package let group: gid_t

    /// This user and group.
    package init(user: User?, group: gid_t) {
        self.user = user
        self.group = group
    }

    /// Looks up what `--user` and `--group` name. Nil where neither is given.
    package static func look(user: String?, group: String?) throws(StartupFailure) -> Privileges? {
        let groupID = try group.map { (name) throws(StartupFailure) in try AccountDatabase.group(name) }
        guard let user else { return groupID.map { Privileges(user: nil, group: $0) } }
        let (found, ownGroup) = try AccountDatabase.user(user)
        guard let groupID = groupID ?? ownGroup else {
            throw StartupFailure(
                .noUser, "--user: there is no user with the number \(user), so its group is not known; give it with --group")
        }
        return Privileges(user: found, group: groupID)
    }

    /// Becomes that user and group, for good. Nothing happens where the process is that user already.
    package func assume() throws(StartupFailure) {
        if isAssumed { return }
        guard geteuid() == 0 else {
            throw StartupFailure(
                .noPermission, "--user and --group: only root can become someone else, and this process has the user number \(geteuid())")
        }
        // The groups first: without root's rights they could not be changed any more.
        try check(setSupplementaryGroups(), "the further groups")
        try check(setgid(group), "the group \(group)")
        if let user { try check(setuid(user.id), "the user \(user.id)") }
        // That there is no way back shows that the saved user is gone too.
        guard isAssumed, user.map({ $0.id == 0 || setuid(0) != 0 }) ?? true else {
            throw StartupFailure(.osError, "--user and --group: the system granted the change but did not make it")
        }
    }

    /// Whether the process is that user and group, both in name and in effect.
    private var isAssumed: Bool {
        guard getgid() == group, getegid() == group else { return false }
        return user.map { getuid() == $0.id && geteuid() == $0.id } ?? true
    }

    /// Takes on the groups that the database gives the user, or only the one group where there is no such user.
    private func setSupplementaryGroups() -> Int32 {
        if let name = user?.name { return unsafe initgroups(name, group) }
        var groups = [group]
        return unsafe setgroups(groups.count, &groups)
    }

    private func check(_ answer: Int32, _ what: String) throws(StartupFailure) {
        if answer != 0 { throw StartupFailure(.osError, "--user and --group: cannot become \(what): \(systemError())") }
    }
}
