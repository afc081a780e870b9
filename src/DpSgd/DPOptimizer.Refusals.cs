using TorchSharp;
using TorchSharp.Modules;

namespace DpSgd;

/// <content>What a step, or a private optimizer, cannot be made of.</content>
public partial class DPOptimizer
{
    /// <summary>Below this, numbers of 32 bits have fewer digits, and rounding could make a clipped gradient longer than C.</summary>
    private static void RefuseTooSmall(DPOptimizerOptions options)
    {
        const double least = 1e-30;
        if (options.L2NormClip < least)
            throw new ArgumentOutOfRangeException(nameof(options.L2NormClip), options.L2NormClip, "L2NormClip must be at least 1e-30: 32 bit floats cannot hold the digits of smaller gradients.");
        if (options.NoiseMultiplier > 0 && options.NoiseMultiplier * options.L2NormClip < least)
        {
            throw new ArgumentOutOfRangeException(
                nameof(options.NoiseMultiplier), options.NoiseMultiplier,
                $"NoiseMultiplier times L2NormClip, {options.L2NormClip}, must be zero or at least 1e-30: 32 bit floats cannot hold the digits of less noise.");
        }
    }

    /// <summary>An optimizer keeps its state by parameter; after the model was moved it has none for the new ones.</summary>
    private static void RefuseStale(OptimizerHelper optimizer)
    {
        try
        {
            optimizer.state_dict();
        }
        catch (KeyNotFoundException)
        {
            throw new ArgumentException(
                "The optimizer was made for other parameters than the model has now: the model was moved to another device or type " +
                "since, or its modules were replaced by ModelFixer. Move the model first, or fix it, and then make the optimizer.", nameof(optimizer));
        }
    }

    /// <summary>
    /// Promise: no unclipped gradient reaches the inner optimizer. Whatever a parameter of the model holds now did not come
    /// through a layer rule.
    /// </summary>
    private void RefuseOtherGradients()
    {
        if (!_inner.parameters().Where(p => p.IsInvalid || p.requires_grad).All(p => !p.IsInvalid && _known.Contains(p.Handle)))
        {
            throw new InvalidOperationException(
                "No private step was taken: the optimizer trains other parameters now than when it was made. Some were frozen then, or the " +
                "model was moved to another device or type since. Make both optimizers again.");
        }
        _frozenBatchNorms.RefuseMixing();
        foreach (var (name, parameter) in _ofModel)
        {
            using var gradient = parameter.grad;
            if (gradient is not null)
            {
                throw new InvalidOperationException(
                    $"No private step was taken: parameter '{name}' has a gradient that did not come through its layer, so it cannot be " +
                    "clipped example by example. Call layers with layer.call(x), never layer.forward(x) or a function on their weights; " +
                    "leave penalties on weights to the optimizer (weight_decay); freeze what is not trained; and call " +
                    "optimizer.zero_grad() before the forward pass.");
            }
        }
    }

    /// <summary>A sampling vouches for what its loader does, and for nothing else.</summary>
    private static void RefuseAltered(BatchSampling? sampling)
    {
        if (sampling?.Draws is { } draws && !sampling.Equals(draws.Sampling))
        {
            throw new ArgumentException(
                $"The sampling says {sampling}, but the loader that it was taken from does {draws.Sampling}. Give it as it is: Sampling = loader.Sampling.",
                nameof(DPOptimizerOptions.Sampling));
        }
    }

    /// <summary>A step within a step, or beside it on another thread, would share the sum of gradients with it.</summary>
    private void BeginStep()
    {
        if (Interlocked.Exchange(ref _isStepping, 1) == 1)
            throw new InvalidOperationException("No private step was taken: another step of this optimizer is being taken, by another thread or by the function that called this one.");
    }

    private void EndStep() => Interlocked.Exchange(ref _isStepping, 0);

    private static InvalidOperationException NotOneLossEach(long losses, long examples) => new(
        $"No private step was taken: the closure returned {losses} losses, but the model was called with {examples} examples. " +
        "Return the loss of each example, a tensor of shape [B].");

    private static InvalidOperationException NothingToStepOn() => new(
        "No private step was taken: no backward pass has been through a trained layer since the last step. Call the model " +
        "with model.call(x), then backward() on the loss, then step(); or give step a closure that returns per-example losses.");

    /// <summary>Whatever is trained from NaN is NaN, and every example would be left out.</summary>
    private static void RefuseNonFinite(TorchSharp.torch.nn.Module model)
    {
        foreach (var (name, parameter) in model.named_parameters().Where(named => named.parameter.requires_grad))
        {
            using var finite = parameter.isfinite();
            using var all = finite.all();
            if (!all.item<bool>())
            {
                throw new ArgumentException(
                    $"Parameter '{name}' has values that are NaN or infinite. Initialise it; TorchSharp leaves the weights of a GroupNorm as it " +
                    "finds them in memory: write init.ones_(norm.weight) and init.zeros_(norm.bias).", nameof(model));
            }
        }
    }
}
