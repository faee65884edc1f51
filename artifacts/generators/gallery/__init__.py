"""Gallery: a glTF room with the images on its walls."""
