"""What is made from finished work: pages, documents and films, and their views."""
