"""The segments that an index consists of: reading one, knowing what all contain, and planning the next."""
