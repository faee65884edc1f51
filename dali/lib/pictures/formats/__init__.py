"""File formats of pictures: what their headers say, and what a decoder need not see."""
