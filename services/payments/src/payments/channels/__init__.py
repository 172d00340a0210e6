"""The institutions' products behind one port; the rest of payments does not know which one it talks to."""
