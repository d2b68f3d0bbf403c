using NativeFl.Models;
using NativeFl.Tensors;

namespace NativeFl.Finetuning;

/// <summary>What a training run trains: flat values with gradients, who owns which part, and how the model reads them.</summary>
/// <param name="Flat">Values, gradients, moments.</param>
/// <param name="Ranges">By client.</param>
/// <param name="Stack">The adapters, or null when all weights train.</param>
/// <param name="Gradients">Gradients of all weights, or null when adapters train.</param>
/// <param name="Publish">Makes the model see new values; null when it reads them directly.</param>
internal sealed record TrainedValues(
    FlatParameters Flat, ParameterRange[] Ranges, AdapterStack? Stack, WeightGradients? Gradients, Action? Publish);
