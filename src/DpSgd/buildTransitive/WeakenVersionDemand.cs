// Body of an MSBuild task (see LoadableLibTorchSharp.targets): copies an ELF64 file from Source to Destination and marks
// its demand for one symbol version as weak. Layout and names are those of the System V ABI and the Linux Standard Base,
// "Symbol Versioning": a Verneed entry per library, a chain of Vernaux entries per version that is asked of it.
const string Version = "GLIBCXX_3.4.32";
const string NeverCalled = "_ZSt21ios_base_library_initv";
const uint SHT_DYNSYM = 11, SHT_GNU_verneed = 0x6ffffffe, SHT_GNU_versym = 0x6fffffff;
const byte VER_FLG_WEAK = 2;

var elf = System.IO.File.ReadAllBytes(Source);
System.Func<long, ushort> u16 = at => System.BitConverter.ToUInt16(elf, (int)at);
System.Func<long, uint> u32 = at => System.BitConverter.ToUInt32(elf, (int)at);
System.Func<long, long> i64 = at => System.BitConverter.ToInt64(elf, (int)at);
System.Func<long, string> text = at =>
    System.Text.Encoding.ASCII.GetString(elf, (int)at, System.Array.IndexOf(elf, (byte)0, (int)at) - (int)at);

var sections = new System.Collections.Generic.Dictionary<uint, long>();   // type -> header
long headers = i64(0x28);
for (var i = 0; i < u16(0x3C); i++)
    sections[u32(headers + i * u16(0x3A) + 4)] = headers + i * u16(0x3A);
System.Func<long, long> start = header => i64(header + 0x18);
System.Func<long, long> strings = header => start(headers + u32(header + 0x28) * u16(0x3A));

long needs = sections[SHT_GNU_verneed], symbols = sections[SHT_DYNSYM], versions = sections[SHT_GNU_versym];
for (long need = start(needs), next = 1; next != 0; need += next)
{
    next = u32(need + 12);
    for (long aux = need + u32(need + 8), step = 1; step != 0; aux += step)
    {
        step = u32(aux + 12);
        if (text(strings(needs) + u32(aux + 8)) != Version)
            continue;
        // A symbol of this version that the code does call would crash later on: then leave the file as it is.
        var count = i64(symbols + 0x20) / 24;
        for (long s = 0; s < count; s++)
        {
            var name = text(strings(symbols) + u32(start(symbols) + 24 * s));
            if ((u16(start(versions) + 2 * s) & 0x7fff) == u16(aux + 6) && name != NeverCalled)
            {
                Log.LogWarning("DpSgd: {0} needs {1} of {2}, so it cannot be made loadable here.", Source, name, Version);
                goto write;
            }
        }
        elf[aux + 4] |= VER_FLG_WEAK;
    }
}
write:
System.IO.Directory.CreateDirectory(System.IO.Path.GetDirectoryName(Destination));
System.IO.File.Delete(Destination);   // it may be a hard link to a file in an output folder
System.IO.File.WriteAllBytes(Destination, elf);
