"""The pages of docs/channels, made from the profiles' files and the words for each family."""
