// The driver at the same work as `raw-ipvs`: it fills the kernel's empty table of virtual services, looks whether the table is as it should
// be and changes weights in it. Prints what each took in microseconds.

import Glibc
import IPVSDriver
import LBaaS

do {
    let work = try Work(CommandLine.arguments.dropFirst())
    if let algorithm = Algorithm.allCases.first(where: { $0.scheduler == work.scheduler }) {
        try work.measureDriver(algorithm)
    } else {
        try work.measureChanges()
    }
} catch {
    print("driver-ipvs: \(error)")
    exit(EX_SOFTWARE)
}
