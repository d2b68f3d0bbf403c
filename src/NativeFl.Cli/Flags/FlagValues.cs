namespace NativeFl.Cli.Flags;

/// <summary>The flags of one run: what the command line gave, else what the recipe gave, else the defaults.</summary>
internal sealed class FlagValues(IReadOnlyList<IFlag> flags, IReadOnlyDictionary<string, FlagText> given)
{
    /// <summary>Every flag the verb knows.</summary>
    public IReadOnlyList<IFlag> Flags { get; } = flags;

    /// <summary>The value in effect.</summary>
    public T Get<T>(Flag<T> flag) => flag.Read(this);

    /// <summary>Whether the flag was given at all.</summary>
    public bool Has(IFlag flag) => given.ContainsKey(flag.Name);

    /// <summary>How to name the flag in an error: where its value came from.</summary>
    public string Source(IFlag flag) => Find(flag.Name)?.Source ?? flag.Name;

    /// <summary>What was given, or null.</summary>
    public FlagText? Find(string name) => given.GetValueOrDefault(name);

    /// <summary>Throws at the first value given that is not one.</summary>
    public void CheckGiven()
    {
        foreach (IFlag flag in Flags.Where(Has)) flag.Check(this);
    }

    /// <summary>Throws at the first value that is not one, or that is missing.</summary>
    public void Check()
    {
        foreach (IFlag flag in Flags) flag.Check(this);
    }
}
