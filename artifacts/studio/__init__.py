"""The studio for staff: chat, preview, thumbnails."""
