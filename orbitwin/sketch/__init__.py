"""A sketch of a profile's layout: Earth to scale, shells, planes, the Sun and the shadow."""
