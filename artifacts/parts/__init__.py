"""What generators are built of: figures, charts, pictures, films, rooms, documents, text; pure, without rows."""
