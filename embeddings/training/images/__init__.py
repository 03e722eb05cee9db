"""`train images`: labelled pictures to an encoder of pictures.

Classes are told apart by a head that is then left out (cross-entropy), or vectors of one class are
drawn together (metric learning).
"""
