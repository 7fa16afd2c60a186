"""The kind `kokunai:sakura:DedicatedServer`, which adopts what is under contract."""
