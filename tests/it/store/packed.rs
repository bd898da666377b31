//! The codec of blocks: what goes in comes out, its size, the telegrams of real meters.
