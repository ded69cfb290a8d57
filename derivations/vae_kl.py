"""The Kullback-Leibler term of a variational autoencoder: Kingma and Welling (2014), equation (10) and appendix B.

The encoder puts out mu and rho = log sigma^2.
"""

import jax.numpy as jnp

import symgrad as sg


@sg.forward
def vae_kl(mu: "n d", rho: "n d"):
    sigma = jnp.exp(rho / 2)  # standard deviations
    KL = -0.5 * jnp.sum(1 + rho - mu**2 - sigma**2)  # KL(N(mu, sigma^2) || N(0, I)), summed over the batch
    return KL


WRT = ("mu", "rho")
