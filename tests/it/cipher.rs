//! Encrypted telegrams through the framer and the program.
