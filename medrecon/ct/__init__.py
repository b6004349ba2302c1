"""Low-dose CT: attenuation, projection data, dose, and the methods that restore images."""
