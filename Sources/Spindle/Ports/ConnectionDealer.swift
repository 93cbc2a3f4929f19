/// Deals the connections that one port accepts out to the seats at other reactors, so that all have equally many.
final class ConnectionDealer {
    private let seats: [ConnectionSeat]
    private var next = 0

    init(_ seats: [ConnectionSeat]) { self.seats = seats }

    /// Hands a connection to the seat that has the fewest; of several, to the one whose turn it is.
    func deal(_ socket: Socket, from peer: SocketAddress) {
        var chosen = next
        var fewest = seats[chosen].load
        for step in 1..<max(1, seats.count) where fewest > 0 {
            let index = (next + step) % seats.count
            let load = seats[index].load
            if load < fewest { (chosen, fewest) = (index, load) }
        }
        next = (chosen + 1) % seats.count
        seats[chosen].take(DealtConnection(socket, peer))
    }
}
