import Spindle

// What was handed over to a thread is used by the reactor as well.
final class Shelf {
    var count = 0
}

func share(_ reactor: Reactor) {
    let shelf = Shelf()
    reactor.deferToThread { shelf.count += 1 }
    shelf.count += 1
}
