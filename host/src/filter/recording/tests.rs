//! Recording and replaying as a user does.
