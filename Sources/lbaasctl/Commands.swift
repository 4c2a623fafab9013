import Arguments

/// What a command does.
enum Verb: Sendable {
    case status, list, show, why, plan, apply, diff
    case drain, undrain, weight, enable, suspend, delete
    case addressList, addressAdd, addressDelete, addressFailover
    case events, metrics, newToken, newKey, completion, manual, importKeepalived
    // Of a fleet's server alone.
    case login, logout, userList, userAdd, userPassword, userDelete, tokenList, tokenCreate, tokenRevoke, hosts
}

private let loadBalancers = ["-o", "name", "list"]
private let nodes = ["-o", "name", "list", "nodes"]
private let loadBalancer = Operand("ID", .printed(by: [loadBalancers]))
private let node = Operand("ID/NODE", .printed(by: [nodes]))
private let address = Operand("IP", .printed(by: [["-o", "name", "ips", "list"]]))
private let user = Operand("NAME", .printed(by: [["-o", "name", "user", "list"]]))
private let views = ["output", "no-headers", "watch"]
private let changes = ["output", "wait", "dry-run"]

/// The command line of this program.
let commandTable = CommandTable<Verb>(
    program: "lbaasctl",
    summary: "look at a load-balancer worker or a fleet of them, and steer it",
    details: [
        """
        lbaasctl talks to lbaas-worker by its HTTP API: over a Unix socket of the same host, or by TCP with --server. Results are written to \
        standard output, everything else to standard error.
        """,
        """
        With the address of lbaas-server, --server steers a fleet: ID is the id or the name of a load balancer there, and NODE the id, the name \
        or the address with the port of a member. `login` gets a token. What asks a worker alone, such as `why`, is refused.
        """,
        """
        ID is the id of a load balancer, ID/NODE a node of it. A slash that is a part of an id is written %2F, a percent sign %25; any other \
        character may be written so too.
        """,
    ],
    options: [
        CommandOption("socket", nil, "PATH", .file, help: "the Unix socket of the worker (default: /run/lbaas/api.sock)"),
        CommandOption(
            "server", nil, "URL", help: "the worker or the fleet's server at https://HOST:PORT, with the token in the file token"),
        CommandOption(
            "ca", nil, "FILE", .file, help: "the certificates of the authorities of --server, in PEM (default: those of the system)"),
        CommandOption("cert", nil, "FILE", .file, help: "the certificate that is shown to --server, in PEM"),
        CommandOption("key", nil, "FILE", .file, help: "the key of --cert, in PEM (default: the file of --cert)"),
        CommandOption(
            "signing-key", nil, "FILE", .file,
            help: "sign requests to --server by the key in this file, and send no token; `key new` makes one"),
        CommandOption("timeout", nil, "S", help: "the longest time, in seconds (default: 30; 190 for a change, none for what is live)"),
        CommandOption(
            "output", "o", "FORM", .words(OutputForm.allCases.map(\.rawValue)),
            help: "how to print: table, wide (more columns), json (as the worker has it), jsonl (an object a line), name (ids alone)"),
        CommandOption("no-headers", help: "leave out the titles of the columns"),
        CommandOption("watch", help: "go on, and print again what changes: in place on a terminal, else a line for each change"),
        CommandOption("wait", help: "wait until it has taken effect"),
        CommandOption("dry-run", help: "change nothing, and print what would be done"),
        CommandOption("yes", "y", help: "do not ask"),
        CommandOption("force", help: "end connections at once"),
        CommandOption("exit-code", help: "end with 2 where there is something to do"),
        CommandOption("since", nil, "N", help: "begin behind the event with this number"),
        CommandOption("interface", nil, "NAME", help: "the network interface that gets the address"),
        CommandOption("policy", nil, "POLICY", .words(["at_most_one", "at_least_one"]), help: "what is promised about its owners"),
        CommandOption("priority", nil, "N", help: "of the healthy hosts the one with the highest owns it, 1 to 254"),
        CommandOption("check", nil, "HOST:PORT", help: "what must accept TCP connections for this host to own it; may be repeated"),
        CommandOption("name", nil, "NAME", help: "whose it is (default: this user)"),
        CommandOption("project", nil, "NAME", help: "the project of the user (default: default)"),
        CommandOption("credential", help: "NAME is the id of an application credential, and its secret is asked for"),
        CommandOption("expires", nil, "DAYS", help: "for how many days it is valid (default: until it is revoked)"),
        CommandOption("all", help: "those of all users, for admins"),
        CommandOption("role", nil, "ROLE", .words(["viewer", "operator", "admin"]), help: "what it allows (default: viewer)"),
    ],
    common: ["socket", "server", "ca", "cert", "key", "signing-key", "timeout"],
    commands: [
        Command("status", .status, options: views, summary: "print how the worker itself is"),
        Command(
            "list", .list, [Operand("nodes", .words(["nodes"]), isOptional: true)], options: views,
            summary: "list the load balancers, or all their nodes"),
        Command("show", .show, [loadBalancer], options: views, summary: "print a load balancer with its nodes"),
        Command(
            "why", .why, [Operand("ID[/NODE]", .printed(by: [loadBalancers, nodes]))], options: views,
            summary: "explain why a load balancer or a node is as it is",
            details: "From who asked for it, by what is wanted and what checks found, to what the appliance says, each with its time."),
        Command(
            "plan", .plan, [Operand("FILE", .file)], options: ["output", "exit-code"],
            summary: "print what a job would do", details: "FILE has a job in JSON; - is standard input."),
        Command(
            "apply", .apply, [Operand("FILE", .file)], options: ["output", "wait", "yes"], summary: "do what a job says",
            details: "FILE has a job in JSON; - is standard input. On a terminal the plan is printed first, and it asks whether to go on."),
        Command(
            "diff", .diff, options: ["output", "no-headers", "exit-code"],
            summary: "list where the appliance runs something else than it should",
            details: "Each line is something that would have to be done. With --exit-code the status is 2 where there is such a line."),
        Command(
            "drain", .drain, [node], options: changes, summary: "let a node finish its connections, and give it no new ones",
            details: "With --wait it waits until no connection is left, where the appliance tells how many there are."),
        Command("undrain", .undrain, [node], options: changes, summary: "give a node connections again"),
        Command(
            "weight", .weight, [node, Operand("N")], options: changes, summary: "set the weight of a node",
            details: "N is 0 to 256; 0 gets no new connections."),
        Command("enable", .enable, [loadBalancer], options: changes, summary: "let a suspended load balancer serve again"),
        Command("suspend", .suspend, [loadBalancer], options: changes + ["yes"], summary: "stop a load balancer, and keep it"),
        Command(
            "delete", .delete, [loadBalancer], options: changes + ["force", "yes"], summary: "delete a load balancer",
            details: "Connections may end by themselves, unless --force is given."),
        Command("ips list", .addressList, options: views, summary: "list the virtual IPs"),
        Command(
            "ips add", .addressAdd, [Operand("IP")], options: ["output", "wait", "interface", "policy", "priority", "check"],
            summary: "add a virtual IP", details: "IP is an IPv4 or IPv6 address."),
        Command("ips delete", .addressDelete, [address], options: ["yes"], summary: "delete a virtual IP, by its id or its address"),
        Command(
            "ips failover", .addressFailover, [address], options: ["yes", "wait"],
            summary: "give a virtual IP of this host to another host"),
        Command(
            "events", .events, options: ["output", "since"], summary: "print what happens, as it happens",
            details: "It goes on until it is ended, and connects again where the connection is lost."),
        Command("metrics", .metrics, summary: "print the metrics, in the text format of Prometheus"),
        Command(
            "login", .login, [user.optional], options: ["credential"], summary: "get a token of a fleet's server, and keep it",
            details: """
                The password is asked for on a terminal; otherwise it is the first line of standard input. The token is kept in the file of \
                the token until it is not valid any more, or `logout`. NAME is this user where it is left out.
                """),
        Command("logout", .logout, summary: "end the token of a fleet's server, and forget it"),
        Command("user list", .userList, options: views, summary: "list the users of a fleet"),
        Command(
            "user add", .userAdd, [Operand("NAME")], options: ["role", "project", "output"], summary: "make a user of a fleet",
            details: "The password is asked for as by `login`."),
        Command(
            "user passwd", .userPassword, [user.optional], summary: "set the password of a user of a fleet",
            details: """
                Without NAME it is the own one, and the present password is asked for first. All tokens of the user end.
                """),
        Command("user delete", .userDelete, [user], options: ["yes"], summary: "delete a user of a fleet, with all tokens"),
        Command(
            "token list", .tokenList, options: views + ["all"], summary: "list the own tokens and application credentials of a fleet"),
        Command(
            "token create", .tokenCreate, [Operand("NAME")], options: ["role", "expires", "output"],
            summary: "make an application credential of a fleet, for a program",
            details: "Its id and its secret are printed to standard output. `login ID --credential` gets a token for it."),
        Command(
            "token revoke", .tokenRevoke, [Operand("TOKEN", .printed(by: [["-o", "name", "token", "list"]]))], options: ["yes"],
            summary: "end a token, or delete an application credential, by its id"),
        Command("hosts", .hosts, options: views, summary: "list the hosts of a fleet"),
        Command(
            "token new", .newToken, options: ["name", "role"], summary: "make a token",
            details: "The token is printed to standard output; the line for the worker's file of tokens to standard error."),
        Command(
            "key new", .newKey, options: ["name", "role"], summary: "make a key to sign requests by",
            details: "Its name and secret are printed to standard output; the line for the worker's file of keys to standard error."),
        Command(
            "import keepalived", .importKeepalived, [Operand("FILE", .file)], options: ["exit-code"],
            summary: "translate a keepalived.conf into a configuration of lbaas-worker",
            details: "What is not translated is listed on standard error, with its line. With --exit-code the status is 2 then."
        ),
        Command(
            "completion", .completion, [Operand("SHELL", .words(Shell.allCases.map(\.rawValue)))],
            summary: "print what makes bash or zsh complete this command line"),
        Command("man", .manual, summary: "print the manual page, for man(1)"),
    ],
    sections: [
        .init(
            "ENVIRONMENT",
            [
                ("LBAAS_SERVER", "The worker to use where neither --server nor --socket is given, as for --server."),
                ("XDG_CONFIG_HOME", "Where the folder lbaas with the file of the token is; $HOME/.config where it is not set."),
                ("NO_COLOR", "Where it is set and not empty there are no colours. They are only used on a terminal."),
                ("COLUMNS, LINES", "The size of a terminal that does not tell."),
            ]),
        .init(
            "FILES",
            [
                (
                    "$XDG_CONFIG_HOME/lbaas/token",
                    "The token for --server, in one line. Nobody but its owner may have any permission on it (mode 0600)."
                ),
                ("/run/lbaas/api.sock", "The socket of the worker."),
            ]),
        .init(
            "EXIT STATUS",
            [
                ("0", "It is done."), ("1", "The worker or server refused it, it failed, or --wait waited in vain."),
                ("2", "With --exit-code: there is something to do."),
                ("64", "The command line, or the file of the token or key, is wrong."),
                ("69", "The worker does not answer."), ("74", "A file cannot be read, or the output cannot be written."),
                ("77", "The worker does not let this user do it."),
            ]),
        .init(
            "EXAMPLES",
            [
                ("lbaasctl list --watch", "Show all load balancers, live."),
                ("lbaasctl why shop/web3", "Explain why the node web3 of shop gets no traffic."),
                ("lbaasctl drain shop/web3 --wait", "Take a node out of service, and wait until its last connection has ended."),
                ("lbaasctl --server https://fleet:8790 login ann", "Get a token of a fleet's server; LBAAS_SERVER saves the option."),
                ("lbaasctl plan job.json --exit-code", "See what a job would do, in a script."),
                ("lbaasctl -o jsonl events | jq .what", "Follow the changes with other programs."),
            ]),
    ])
