"""Getting photos: downloads that go on where they stopped, and archives that can do no harm."""
