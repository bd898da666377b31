//! Tables with a mapping.
