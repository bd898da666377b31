//! Interrupted and resumed; a dump of hundreds of megabytes in bounded memory.
