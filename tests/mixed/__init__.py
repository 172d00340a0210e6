"""Orders with all that happens to orders: goods go on, cases freeze, legs fail, buyers and channels take money back."""
