/// Another factory, with a filter for each of its connections: for what takes a factory and no filter, such as an endpoint.
///
/// The protocols are the other one's, and know that as their factory.
package final class FilteredFactory: Factory {
    private let wrapped: Factory

    package init(_ wrapped: Factory, _ makeFilter: @escaping () -> any StreamFilter) {
        self.wrapped = wrapped
        super.init()
        self.makeFilter = makeFilter
    }

    package override func buildProtocol(_ address: SocketAddress) -> Protocol? { wrapped.makeProtocol(for: address) }
    package override func startFactory() { wrapped.beginUse() }
    package override func stopFactory() { wrapped.endUse() }
}
