// Threads, scripts and patience, for every file of these tests.
@_exported import TestSupport
