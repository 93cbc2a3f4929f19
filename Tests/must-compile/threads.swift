import Spindle

// Work on threads takes what is handed over to it, and hands over what it made; neither is Sendable.
final class Tree {
    var children: [Tree] = []
}

final class Planter: Protocol {
    private var forest: [Tree] = []

    override func connectionMade() {
        let seed = Tree()
        reactor.deferToThread {
            seed.children.append(Tree())
            let tree = Tree()
            tree.children.append(Tree())
            return tree
        }.addCallback { tree in self.forest.append(tree) }
    }

    override func dataReceived(_ data: RawSpan) {
        let bytes = Array(copying: data)
        reactor.spawn {
            let sum = try await self.reactor.deferToThread { bytes.reduce(0) { $0 &+ $1 } }.value()
            self.transport.write("\(sum)")
        }
    }
}
