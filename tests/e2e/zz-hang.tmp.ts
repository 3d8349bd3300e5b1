import { startService } from '/work/main/tests/workloads/service.ts';
import { buildBundle } from '/work/main/apps/cli/src/contract/bundle.ts';
import { submit } from '@coco/client';
import { execSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
const { bundle } = await buildBundle('/work/main/samples/contracts/logging');
for (let round=0; round<Number(process.argv[2]??8); round++) {
 let stage='starting'; let svc: any; const counts: number[]=[];
 const watchdog=setTimeout(()=>{ console.log('HANG', round, stage, counts); if(svc){ console.log(readFileSync(svc.workspace.node+'/out','utf8').slice(-1500)); console.log(execSync('ss -tnp 2>/dev/null | grep '+svc.port+' | head -30 || true').toString()) } else console.log(execSync('ls -td /tmp/coco-*/ | head -3; tail -5 $(ls -td /tmp/coco-*/ | head -1)/*/out').toString()); process.exit(1) }, 15000);
 const service = svc = await startService({bundle}); stage='writing';
 const acks:any[]=[]; const writers=Array.from({length:8},(_,w)=>(async()=>{ const s=service.session(0); for(let turn=0;;turn++){ counts[w]=turn; try{ const d=await submit(s,{method:'POST',path:'/app/log/public',json:{id:w*1e6+turn,msg:'m'+turn}} as never); acks.push(d)}catch(e){ return } } })());
 await new Promise(r=>setTimeout(r,60)); stage='killed'; service.node.kill('SIGKILL'); await Promise.all(writers); stage='writers ended'; await service.node.ended; stage='ended';
 clearTimeout(watchdog); console.log(round, acks.length, counts.join());
 await service[Symbol.asyncDispose]();
}
