//! Seeded lives of a whole store: threads that put, remove and read at the same time, a disk that fails, and kills.
