namespace NativeFl.Models;

/// <summary>What a PEFT folder says beside the factors themselves.</summary>
public sealed record AdapterSettings
{
    /// <summary>The share of the adapter's inputs that training zeroes, in [0, 1).</summary>
    public double Dropout { get; init; }

    /// <summary>Whether the scaling is α/√r (rsLoRA) rather than α/r.</summary>
    public bool UseRsLora { get; init; }

    /// <summary>The base model's name or path, for the record only.</summary>
    public string BaseModel { get; init; } = "";

    /// <summary>
    /// How many blocks the base has, if known: a projection that is adapted in all of them is then saved under its short name, such as
    /// q_proj. With 0 every module is listed under its full name.
    /// </summary>
    public int LayerCount { get; init; }
}
