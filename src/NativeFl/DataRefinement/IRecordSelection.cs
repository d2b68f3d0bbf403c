namespace NativeFl.DataRefinement;

/// <summary>Which records to fine-tune on.</summary>
public interface IRecordSelection
{
    /// <summary>Chooses records.</summary>
    /// <param name="pool">Records and their clusters.</param>
    /// <param name="count">How many, at least one and at most all.</param>
    /// <param name="seed">Of what is drawn.</param>
    /// <returns>As many places of records, none twice, in the order in which they were chosen.</returns>
    IReadOnlyList<int> Select(RecordPool pool, int count, ulong seed);
}
