import Testing

/// The tests of the whole program over real job servers, one after the other: each has the machine to itself.
@Suite(.serialized, .timeLimit(.minutes(15))) enum RealServers {}
