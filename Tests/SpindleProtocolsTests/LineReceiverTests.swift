import Spindle
import SpindleProtocols
import Testing
