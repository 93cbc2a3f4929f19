/* The C target that spindle.h belongs to; what it declares is implemented in Swift, in Sources/SpindleC. */
#include "spindle.h"
