"""Commands that train and measure models: pretrain, finetune, evaluate."""
