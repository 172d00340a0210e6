"""Makes the documents of the contracts: JSON Schemas and an AsyncAPI document. Nothing at run time needs them."""
