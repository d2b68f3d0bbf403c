namespace NativeFl.Models;

/// <summary>A PEFT folder, read.</summary>
/// <param name="Weights">The factors.</param>
/// <param name="Settings">What else its configuration says.</param>
/// <param name="Targets">Its target_modules.</param>
public sealed record AdapterFolderContent(AdapterWeights Weights, AdapterSettings Settings, TargetModules Targets);
