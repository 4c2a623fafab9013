import LBaaS
import Testing

@Suite("A table of load balancers")
struct LoadBalancerTableTests {
    @Test("is what a dictionary is, and a copy stays as it was")
    func likeDictionary() {
        var generator = SystemRandomNumberGenerator()
        var (table, dictionary) = (LoadBalancerTable<Int>(), [LoadBalancerID: Int]())
        #expect(table.isEmpty && table == [:])
        for turn in 0..<2000 {
            let id = LoadBalancerID("lb\(Int.random(in: 0..<300, using: &generator))")
            let (copy, values) = (table, dictionary)
            switch turn % 4 {
            case 0: #expect(table.updateValue(turn, forKey: id) == dictionary.updateValue(turn, forKey: id))
            case 1: #expect(table.removeValue(forKey: id) == dictionary.removeValue(forKey: id))
            case 2:
                table[id] = turn
                dictionary[id] = turn
            default:
                table[id] = nil
                dictionary[id] = nil
            }
            #expect(table[id] == dictionary[id] && table.count == dictionary.count)
            #expect(copy[id] == values[id] && copy.count == values.count)
        }
        #expect(Dictionary(uniqueKeysWithValues: table.map { ($0.key, $0.value) }) == dictionary)
        #expect(Set(table.keys) == Set(dictionary.keys) && table.values.sorted() == dictionary.values.sorted())
        #expect(table == LoadBalancerTable(dictionary.map { $0 }))
    }
}
