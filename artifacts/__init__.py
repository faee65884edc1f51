"""What is made of finished work: pages, documents and films, with their views."""
