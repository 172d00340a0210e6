"""What instructions do under the institution's products: three behaviours, and the figures of a profile over them."""
