import Spindle

/// What was made of a configuration, for all copies of it.
final class TLSContextCache: Sendable {
    private let made = Lock<TLSContext?>(nil)

    /// What `make` returned when it was first called. An error is not kept: a file that is missing may come to be.
    func context(_ make: () throws(TLSConfigurationError) -> TLSContext) throws(TLSConfigurationError) -> TLSContext {
        let result = made.withLock { made -> Result<TLSContext, TLSConfigurationError> in
            if let made { return .success(made) }
            let result = Result { () throws(TLSConfigurationError) in try make() }
            made = try? result.get()
            return result
        }
        return try result.get()
    }
}
